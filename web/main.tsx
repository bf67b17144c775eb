// Starts the dashboard in the page.
import { render } from 'preact';
import { watchAgent } from './agent/connection.ts';
import { watchPreferences } from './ui/preferences.ts';
import { watchRoute } from './ui/route.ts';
import { Shell } from './ui/shell.tsx';
import { watchShortcuts } from './ui/shortcuts.tsx';
import './style/index.css';

watchPreferences();
watchRoute();
watchShortcuts();
render(<Shell />, document.getElementById('app')!);
void watchAgent();
