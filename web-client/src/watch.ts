// SPDX-License-Identifier: Apache-2.0
import { mount } from 'svelte';
import './ui/common/theme.css';
import WatchPage from './ui/watch/WatchPage.svelte';

mount(WatchPage, { target: document.getElementById('app')! });
