import type { Applicability } from './kernel.ts';
import type { KernelSource } from './relocation-type.ts';

/** Whether a kernel has a capability: always, under a condition that is given in words, or not. */
export interface KernelSupport {
  readonly applies?: readonly Applicability[];
  readonly state: 'yes' | 'conditional' | 'no';
  /** The configuration or CPU that decides, in words; with `conditional` only. */
  readonly condition?: string;
  readonly source: KernelSource;
}

/** A thing that a kernel of an architecture can do and that is neither a relocation type nor a section. */
export interface Capability {
  /** Stable name, kebab-case: `livepatch`, `clear-relocations`. */
  readonly name: string;
  readonly title: string;
  /** Alternatives by kernel; the first that holds counts, none means no. */
  readonly kernels: readonly KernelSupport[];
}

/** What a livepatch build tool does with a feature. */
export interface ToolSupport {
  /** A capability name, a special-section name or pattern, or a relocation type name. */
  readonly feature: string;
  readonly tool: 'klp-build' | 'kpatch';
  readonly applies?: readonly Applicability[];
  /** `regenerated`: not copied, another tool makes it anew. `dropped`: lost without an error. */
  readonly state: 'supported' | 'partial' | 'regenerated' | 'refused' | 'dropped' | 'unsupported';
  readonly note?: string;
}

/** What kernels and livepatch tools support, as data. Kelp's own flags never stand here: they come from evidence. */
export interface Support {
  readonly capabilities: readonly Capability[];
  readonly tools: readonly ToolSupport[];
}
