// SPDX-License-Identifier: Apache-2.0
import { mount } from 'svelte';
import './ui/common/theme.css';
import ReplayPage from './ui/replay/ReplayPage.svelte';

mount(ReplayPage, { target: document.getElementById('app')! });
