/**
 * Plays the steps of captured runs of livepatches in the loader, and compares the livepatch with memory after each.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseObjectFile } from '@kelp/core/elf';
import { livepatchSymbols, openCaptureFolder, type CaptureFolder } from '@kelp/memory';
import { isLivepatch, LivepatchLife, type EventOutcome, type LifeEvent } from './livepatch-life.ts';
import { livepatchStepsPage, type PlayedRun, type PlayedStep } from './livepatch-steps-page.ts';
import { architectures } from './runs.ts';

const USAGE = `usage: npx tsx -C @kelp/source tools/truth/src/livepatch-steps.ts RUN... [--write]

RUN is a folder with the captures s1-patch-only to s6-end, init.log and dmesg.txt. --write writes docs/livepatch-steps.md.
`;

const PAGE = fileURLToPath(new URL('../../../docs/livepatch-steps.md', import.meta.url));

/** What happened before each capture. */
const steps: readonly { readonly capture: string; readonly events: readonly LifeEvent[] }[] = [
  { capture: 's1-patch-only', events: ['load patch'] },
  { capture: 's2-target-loaded', events: ['load target'] },
  { capture: 's3-target-removed', events: ['unload target'] },
  { capture: 's4-target-reloaded', events: ['load target'] },
  { capture: 's5-patch-disabled', events: ['unload target', 'load target', 'disable patch'] },
  { capture: 's6-end', events: ['unload patch'] },
];

/** What init.log says about an event, in words that stand for the loader's. */
const answers: ReadonlyMap<string, EventOutcome['answer']> = new Map([
  ['ok', 'done'],
  ['Exec format error', 'ENOEXEC'],
  ['Invalid argument', 'EINVAL'],
  ['No such file or directory', 'not there'],
]);

function playRun(folder: string): PlayedRun {
  const captures = steps.map(({ capture }) => openCaptureFolder(join(folder, capture)));
  const [first] = captures;
  if (first === undefined) throw new Error(`${folder} has no captures`);
  const patch = patchOf(first);
  const file = readFileSync(first.moduleFiles.get(patch) ?? '');
  const life = new LivepatchLife(first, patch, file, architectures);
  const kernel = kernelOutcomes(readFileSync(join(folder, 'init.log'), 'utf8'), patch, life.target);
  const messages = existsSync(join(folder, 'dmesg.txt'))
    ? readFileSync(join(folder, 'dmesg.txt'), 'utf8')
    : '';
  const refusals = kernelRefusals(messages);
  let symbols = livepatchSymbols(first);
  const played = steps.map(({ capture, events }, index): PlayedStep => {
    const now = captures[index] ?? first;
    // A target that is refused leaves no symbols; it is tried where it was before.
    if (now.modules.some(({ name }) => name === life.target)) symbols = livepatchSymbols(now);
    const outcomes = events.map((event) => {
      const outcome: EventOutcome =
        event === 'load patch'
          ? { event, answer: life.loaded.refused === undefined ? 'done' : 'other', refusal: undefined }
          : life.play(event, symbols);
      const actual = kernel.shift();
      const message = outcome.refusal === undefined ? undefined : refusals.shift();
      return { outcome, actual, message };
    });
    return { capture, outcomes, ...compare(life, patch, now) };
  });
  for (const capture of captures) capture.close();
  return { name: basename(folder), release: first.release, patch, target: life.target, steps: played };
}

function patchOf({ moduleFiles, folder }: CaptureFolder): string {
  const found = [...moduleFiles].find(([, path]) => isLivepatch(parseObjectFile(readFileSync(path), path)));
  if (found === undefined) throw new Error(`${folder} has no livepatch`);
  return found[0];
}

/** The kernel's answers to the events, in order. */
function kernelOutcomes(log: string, patch: string, target: string): (EventOutcome['answer'] | undefined)[] {
  return log.split('\n').flatMap((line) => {
    const [, module, answer] = /^(?:load|unload) (\S+): ([^(]+?)(?: \([\d.]+s\))?$/u.exec(line) ?? [];
    const disabled = /^write \S+\/enabled <- 0: (.+)$/u.exec(line)?.[1];
    if (disabled !== undefined) return [answers.get(disabled)];
    return module === patch || module === target ? [answers.get(answer ?? '')] : [];
  });
}

/** Type and value of each relocation that the kernel refused, from its messages. */
function kernelRefusals(messages: string): { readonly type: number; readonly value: bigint }[] {
  const pattern = /existing value is nonzero for type (\d+), loc \S+, val ([0-9a-f]+)/gu;
  return [...messages.matchAll(pattern)].map(([, type = '', value = '']) => ({
    type: Number(type),
    value: BigInt(`0x${value}`),
  }));
}

/** Compare the sections that livepatch relocations change, as far as only the loader writes them. */
function compare(
  { loaded: { image } }: LivepatchLife,
  patch: string,
  { modules, memory }: CaptureFolder,
): Pick<PlayedStep, 'sections' | 'bytes' | 'written' | 'differing'> {
  const nothing = { sections: [], bytes: 0, written: 0, differing: 0 };
  if (!modules.some(({ name }) => name === patch)) return nothing;
  const changed = new Set(
    image.object.sections.filter((one) => one.isLivepatchRelocation).map(({ info }) => info),
  );
  const sum = { sections: [] as string[], bytes: 0, written: 0, differing: 0 };
  for (const { index, name, address, size } of image.sections) {
    const protection = image.protection(address);
    if (!changed.has(index) || (protection !== 'text' && protection !== 'rodata')) continue;
    const [predicted, actual] = [image.read(address, size), memory.read(address, size)];
    if (predicted === undefined || actual === undefined) throw new Error(`${patch} ${name} was not captured`);
    const file = image.object.sections[index]?.bytes ?? new Uint8Array();
    sum.sections.push(name);
    sum.bytes += size;
    for (const [at, byte] of predicted.entries()) {
      if (byte !== actual[at]) sum.differing++;
      else if (byte !== file[at]) sum.written++;
    }
  }
  return sum;
}

function isAsPlayed({ steps: played }: PlayedRun): boolean {
  return played.every(
    ({ differing, outcomes }) =>
      differing === 0 &&
      outcomes.every(
        ({ outcome: { answer, refusal }, actual, message }) =>
          answer === actual && refusal?.type === message?.type && refusal?.value === message?.value,
      ),
  );
}

function main(): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { write: { type: 'boolean', default: false } },
  });
  if (positionals.length === 0) {
    process.stderr.write(USAGE);
    return 2;
  }
  const runs = positionals.map(playRun);
  const page = livepatchStepsPage(runs);
  process.stdout.write(page);
  if (values.write) writeFileSync(PAGE, page);
  return runs.every(isAsPlayed) ? 0 : 1;
}

process.exitCode = main();
