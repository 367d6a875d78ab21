import { productVersion } from '../../stack/product.ts';
import type { Command } from '../command.ts';

export const versionCommand: Command = {
  name: 'version',
  summary: 'the versions of Sightline and of Node',
  usage: '',
  options: {},
  positionals: [0, 0],
  async run({ json, out }) {
    const facts = {
      sightline: productVersion(),
      node: process.versions.node,
      platform: `${process.platform}-${process.arch}`,
    };
    out.line(json ? JSON.stringify(facts) : `sightline ${facts.sightline} (Node ${facts.node}, ${facts.platform})`);
    return 0;
  },
};
