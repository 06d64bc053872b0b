/** How much a finding matters, with the names of SARIF: a `note` is no reason to stop anything. */
export type FindingLevel = 'error' | 'warning' | 'note';

/** A rule that findings come from. */
export interface FindingRule {
  /** A code that never changes its meaning: `KLP203`. */
  readonly id: string;
  /** A name for people, kebab-case: `object-not-patched`. */
  readonly name: string;
  readonly level: FindingLevel;
  /** What is wrong, as a heading. */
  readonly title: string;
  /** What to do; one or more sentences. */
  readonly advice: string;
  /** What else the documentation of the rule says, such as the source of the fact. */
  readonly properties?: Readonly<Record<string, string>>;
}

/** Where in a binary file a finding is. */
export interface FindingPlace {
  /** Section, or another part with a name. Untrusted. */
  readonly section: string;
  /** Bytes from the start of the section. */
  readonly offset: number;
  /** Bytes from the start of the file; absent where the section has none in it. */
  readonly fileOffset?: number;
}

/** Something that a rule found. */
export interface ReportedFinding {
  /** ID of its rule. */
  readonly rule: string;
  readonly level: FindingLevel;
  /** One sentence without a trailing period. May quote untrusted names. */
  readonly message: string;
  /** The file as the user named it. Untrusted. */
  readonly file: string;
  readonly place?: FindingPlace;
  /** What else tells it apart, by names that a baseline may use: `symbol`, `type`. Values are untrusted. */
  readonly details: ReadonlyMap<string, string>;
  /** Why the user accepts it; absent: nobody has. */
  readonly accepted?: string;
}

/** What a command found: plain data for every format. */
export interface FindingReport {
  readonly tool: { readonly name: string; readonly version: string; readonly address: string };
  readonly title: string;
  /** All rules that were applied; each finding names one of them. */
  readonly rules: readonly FindingRule[];
  readonly findings: readonly ReportedFinding[];
  /** What could not be judged, one sentence each. May quote untrusted names. */
  readonly notJudged: readonly string[];
  /** Entries of the baseline that no finding matches any more. */
  readonly stale: readonly BaselineEntry[];
}

/** A finding that the user accepts. */
export interface BaselineEntry {
  readonly rule: string;
  /** Values that a finding must have: `section`, `file` and names of details. Without any, all findings of the rule. */
  readonly where: ReadonlyMap<string, string>;
  readonly reason: string;
}

/** Whether anything is left to do: an error or a warning that nobody accepted, or an entry that is out of date. */
export function needsAttention({ findings, stale }: FindingReport): boolean {
  return (
    stale.length > 0 || findings.some(({ level, accepted }) => level !== 'note' && accepted === undefined)
  );
}
