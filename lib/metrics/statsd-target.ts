import type { StatsdNames } from '../codec/statsd-hierarchy.ts';
import type { StatsdTags } from '../codec/statsd-tags.ts';
import type { StatsdAggregator } from './statsd-aggregator.ts';

/** Where observations go beside the registry: by names that hold everything, or by names with tags. */
export type StatsdTarget =
  | { readonly aggregator: StatsdAggregator; readonly names: StatsdNames; readonly tags?: undefined }
  | { readonly aggregator: StatsdAggregator; readonly tags: StatsdTags; readonly names?: undefined };
