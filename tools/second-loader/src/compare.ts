import { bytesOf, type Case, type Outcome, type Place } from './cases.ts';
import { KelpPlay, type KelpOutcome, type Memories } from './kelp-play.ts';

/** What the comparison of one case saw. */
export interface Compared {
  /** Steps that were compared; behind a difference nothing is. */
  readonly steps: number;
  /** Bytes of memory that were compared after all steps. */
  readonly bytes: number;
  /** The first thing in which the two differ. */
  readonly difference: Difference | undefined;
}

/** A difference, and why it is known. */
export interface Difference {
  readonly text: string;
  readonly known?: string | undefined;
}

/** Play a case in Kelp and compare each step with what the second loader says of it. */
export function compareCase(one: Case, outcomes: readonly Outcome[], folder: string): Compared {
  const kelp = new KelpPlay(one, folder);
  let [steps, bytes] = [0, 0];
  for (const [index, outcome] of outcomes.entries()) {
    const step = one.steps[index];
    if (step === undefined) break;
    const own = kelp.step(step);
    const difference = stepDifference(one, outcome, own);
    if (difference !== undefined) {
      const text = `step ${index + 1} (${step.do}): ${difference.text}`;
      return { steps, bytes, difference: { ...difference, text } };
    }
    steps++;
    for (const { size } of Object.values(outcome.memories)) bytes += size;
  }
  return { steps, bytes, difference: undefined };
}

function stepDifference(one: Case, outcome: Outcome, own: KelpOutcome): Difference | undefined {
  const text = verdictDifference(outcome, own);
  return text === undefined ? memoryDifference(one, outcome, own.memories) : { text };
}

/** A verdict in few words that both can say: the errno, or how the kernel dies. */
function verdictOf(outcome: Outcome): string {
  if (outcome.refused !== undefined) return outcome.refused.errno;
  return outcome.died === undefined ? 'done' : `died: ${outcome.died.kind}`;
}

/** Words of Kelp for the ways in which the kernel dies, by those of the second loader. */
const deaths: readonly (readonly [RegExp, string])[] = [
  [/read-only/u, 'read-only'],
  [/freed after init|outside/u, 'not mapped'],
  [/copy of the file/u, 'freed'],
];

function ownVerdict({ played, error }: KelpOutcome): string {
  if (played === undefined) return `error ${error ?? ''}`;
  const { verdict } = played;
  if (verdict.status === 'refused') return verdict.errno;
  if (verdict.status !== 'fault') return 'done';
  const death = deaths.find(([words]) => words.test(verdict.reason));
  return `died: ${death?.[1] ?? verdict.reason}`;
}

function verdictDifference(outcome: Outcome, own: KelpOutcome): string | undefined {
  const [theirs, ours] = [verdictOf(outcome), ownVerdict(own)];
  if (theirs !== ours) return `${theirs} is expected, Kelp says ${ours}${whyOf(own)}`;
  return placeDifference(outcome, own) ?? complaintDifference(outcome, own);
}

function whyOf({ played }: KelpOutcome): string {
  if (played === undefined || !('reason' in played.verdict)) return '';
  return ` (${played.verdict.reason})`;
}

/** The relocation that the kernel was at, and for a death the address. */
function placeDifference({ refused, died }: Outcome, { played }: KelpOutcome): string | undefined {
  const verdict = played?.verdict;
  if (verdict?.status === 'refused' && refused?.place != null && verdict.offset !== undefined) {
    const { section, offset, symbol } = refused.place;
    const same =
      section === verdict.section && offset === verdict.offset && symbol === (verdict.symbol ?? '');
    if (!same)
      return `it fails at ${section}+${offset} ${symbol}, in Kelp at ${verdict.section}+${verdict.offset} ${verdict.symbol}`;
  }
  if (verdict?.status === 'fault' && died !== undefined && died.kind !== 'freed') {
    if (BigInt(died.address) !== verdict.address)
      return `dies at ${died.address}, in Kelp at ${verdict.address}`;
    if (died.place !== null && verdict.place !== undefined && !samePlace(died.place, verdict.place))
      return `dies at ${JSON.stringify(died.place)}, in Kelp at ${JSON.stringify(verdict.place)}`;
  }
  return undefined;
}

function samePlace(one: Place, other: Place): boolean {
  return one.section === other.section && one.offset === other.offset && one.type === other.type;
}

/** The second loader shortens what the kernel logs; its first word is the kernel's. */
function complaintDifference({ refused }: Outcome, { played }: KelpOutcome): string | undefined {
  const verdict = played?.verdict;
  if (verdict?.status !== 'refused' || refused === undefined || refused.complaint === '') return undefined;
  // Of what the file lacks Kelp tells in words of its own.
  if (refused.moment === 'module_frob_arch_sections') return undefined;
  const word = /[A-Za-z]\w+/u.exec(refused.complaint)?.[0] ?? '';
  const said = verdict.messages[0] ?? '';
  return said.includes(word) ? undefined : `the log says "${refused.complaint}", in Kelp "${said}"`;
}

function memoryDifference(
  { architecture }: Case,
  outcome: Outcome,
  memories: Memories,
): Difference | undefined {
  // A refused livepatch is freed, and so is what it had written.
  if (outcome.do === 'load' && outcome.refused !== undefined) return undefined;
  for (const [name, memory] of Object.entries(outcome.memories)) {
    const own = memories.get(name);
    if (own === undefined) return { text: `Kelp has no memory ${name}` };
    if (own.address !== BigInt(memory.address)) return { text: `${name} is at ${memory.address}` };
    const expected = bytesOf(memory);
    if (expected.length !== own.bytes.length)
      return { text: `${name} has ${expected.length} bytes, in Kelp ${own.bytes.length}` };
    const at = firstDifference(expected, own.bytes);
    if (at === undefined) continue;
    const [theirs, ours] = [expected, own.bytes].map((bytes) =>
      Buffer.from(bytes.slice(at, at + 8)).toString('hex'),
    );
    return {
      text: `${name}+0x${at.toString(16)} holds ${theirs}, in Kelp ${ours}`,
      known: knownDifference(architecture, expected, at),
    };
  }
  return undefined;
}

function firstDifference(one: Uint8Array, other: Uint8Array): number | undefined {
  if (Buffer.compare(one, other) === 0) return undefined;
  return one.findIndex((byte, index) => byte !== other[index]);
}

/**
 * What Kelp does not model: words that no compiler puts where they would be relocated, and that the kernel takes for
 * something else.
 */
function knownDifference(architecture: string, expected: Uint8Array, at: number): string | undefined {
  const word = (offset: number): number =>
    offset < 0 ? 0 : new DataView(expected.buffer, expected.byteOffset + offset, 4).getUint32(0, true);
  const place = at - (at % 4);
  if (architecture === 'arm64' && word(place) === 0xd420_2000)
    return 'AARCH64_BREAK_FAULT at the place of an instruction is not changed';
  if (architecture === 'ppc64le' && word(place - 4) >>> 26 === 1)
    return 'a prefix at the place of a branch is written with a suffix of 0';
  return undefined;
}
