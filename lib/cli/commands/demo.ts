import type { Command } from '../command.ts';
export const demoCommand: Command = {
  name: 'demo',
  summary: 'three services, real traffic, the screens',
  usage: '',
  options: { once: { type: 'boolean', meaning: 'once' } },
  positionals: [0, 0],
  async run() {
    return 1;
  },
};
