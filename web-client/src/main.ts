// SPDX-License-Identifier: Apache-2.0
import { mount } from 'svelte';
import { createApp } from './core/index.ts';
import App from './ui/App.svelte';
import './ui/common/theme.css';

mount(App, { target: document.getElementById('app')!, props: createApp() });
