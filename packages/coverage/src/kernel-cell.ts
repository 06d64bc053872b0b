import {
  appliesTo,
  describeApplicability,
  relocationRule,
  type Applicability,
  type Architecture,
  type Capability,
  type Kernel,
  type KernelSource,
  type RelocationRule,
  type RelocationType,
  type SpecialSection,
} from '@kelp/core';
import type { KernelCell, ToolCell } from './matrix.ts';

/** Whether the loader of a kernel takes a relocation type. A rule that needs an option makes the answer conditional. */
export function relocationCell(type: RelocationType, kernel: Kernel): KernelCell {
  const rule = relocationRule(type, kernel);
  const accepted = rule !== undefined && rule.verdict !== 'refused';
  const others = type.rules.filter((other) => {
    const possible = other.applies?.some(
      (one) => one.config !== undefined && appliesTo([withoutOptions(one)], kernel),
    );
    return other !== rule && possible === true && (other.verdict === 'refused') === accepted;
  });
  if (others.length > 0) {
    const source = (accepted ? rule : others[0])?.source;
    const deciding = (accepted ? rule : others[0])?.applies ?? others[0]?.applies;
    return { state: 'conditional', condition: optionsOf(deciding), ...ignoredOf(rule), ...sourceOf(source) };
  }
  if (!accepted) return { state: 'no' };
  return { state: 'yes', ...ignoredOf(rule), ...sourceOf(rule.source) };
}

function ignoredOf(rule: RelocationRule | undefined): { readonly ignored?: true } {
  return rule?.verdict === 'ignored' ? { ignored: true } : {};
}

/** Whether modules of a kernel carry a section. */
export function sectionCell(rows: readonly SpecialSection[], kernel: Kernel): KernelCell {
  const row = rows.find(({ applies }) => appliesTo(applies, kernel));
  if (row === undefined) return { state: 'no' };
  if (row.config === undefined) return { state: 'yes', ...sourceOf(row.consumer) };
  return { state: 'conditional', condition: row.config, ...sourceOf(row.consumer) };
}

/** Whether a kernel has a capability. */
export function capabilityCell(capability: Capability, kernel: Kernel): KernelCell {
  const support = capability.kernels.find(({ applies }) => appliesTo(applies, kernel));
  if (support === undefined) return { state: 'no' };
  const condition = support.condition === undefined ? {} : { condition: support.condition };
  return { state: support.state, ...condition, ...sourceOf(support.source) };
}

/** What the livepatch build tools do with a feature in a kernel. */
export function toolCells({ support }: Architecture, name: string, kernel: Kernel): readonly ToolCell[] {
  return support.tools
    .filter((tool) => tool.feature === name && appliesTo(tool.applies, kernel))
    .map(({ tool, state, note }) => ({ tool, state, ...(note === undefined ? {} : { note }) }));
}

function withoutOptions({ since, before }: Applicability): Applicability {
  return { ...(since === undefined ? {} : { since }), ...(before === undefined ? {} : { before }) };
}

function optionsOf(applies: readonly Applicability[] | undefined): string {
  const options = (applies ?? []).flatMap(({ config }) => (config === undefined ? [] : [{ config }]));
  return describeApplicability(options).replaceAll('with ', '');
}

function sourceOf(source: KernelSource | undefined): { readonly source?: string } {
  if (source === undefined) return {};
  return { source: source.symbol === undefined ? source.file : `${source.file}:${source.symbol}` };
}
