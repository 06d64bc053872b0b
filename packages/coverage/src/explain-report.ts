import type { Block, Report } from '@kelp/report';
import type { Explanation, ExplainedFeature } from './explain.ts';

/** What `kelp explain` prints. */
export function explainReport(name: string, features: readonly ExplainedFeature[]): Report {
  return { title: name, blocks: features.flatMap(featureBlocks) };
}

function featureBlocks(feature: ExplainedFeature): readonly Block[] {
  return [
    { kind: 'heading', level: 2, text: `${feature.name} on ${feature.title}` },
    definitions(feature.facts),
    ...feature.variants.flatMap(({ applies, facts }): readonly Block[] => [
      { kind: 'heading', level: 3, text: `Kernels: ${applies}` },
      definitions(facts),
    ]),
  ];
}

function definitions(facts: readonly Explanation[]): Block {
  return { kind: 'definitions', definitions: facts.map(({ term, text }) => ({ term, value: text })) };
}
