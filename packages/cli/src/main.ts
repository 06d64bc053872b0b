import { readFileSync } from 'node:fs';
import { isKelpError } from '@kelp/core';
import { Command, CommanderError } from 'commander';
import { forgetPlugins, usePlugins } from './architectures.ts';
import { captureCommand } from './commands/capture.ts';
import { diffCommand } from './commands/diff.ts';
import { clearCommand } from './commands/clear.ts';
import { convertCommand } from './commands/convert.ts';
import { completionCommand } from './commands/completion.ts';
import { explainCommand } from './commands/explain.ts';
import { functionsCommand } from './commands/functions.ts';
import { inspectCommand } from './commands/inspect.ts';
import { lifecycleCommand } from './commands/lifecycle.ts';
import { lintCommand } from './commands/lint.ts';
import { loadCommand } from './commands/load.ts';
import { matrixCommand } from './commands/matrix.ts';
import { mergeCommand } from './commands/merge.ts';
import { patchedCommand } from './commands/patched.ts';
import { proposalsCommand } from './commands/proposals.ts';
import { packCommand } from './commands/pack.ts';
import { scanCommand } from './commands/scan.ts';
import { sourceCommand } from './commands/source.ts';
import { symbolsCommand } from './commands/symbols.ts';
import { usageCommand } from './commands/usage.ts';
import { verifyCommand } from './commands/verify.ts';
import { describeError } from './describe-error.ts';
import type { ExitStatus, Finish, Io } from './io.ts';

/**
 * Run `kelp` with the given arguments, without the program's name.
 *
 * @returns 0 fine, 1 findings, 2 unusable input or usage.
 */
export async function main(args: readonly string[], io: Io): Promise<ExitStatus> {
  let status: ExitStatus = 0;
  const finish: Finish = (result) => {
    status = result;
  };
  const program = new Command('kelp')
    .description('Which relocations and special sections Linux modules carry, and what kernels do with them')
    .version(version())
    .showHelpAfterError('(kelp --help lists the commands)')
    .option('--plugin <file>', 'load another architecture from a JavaScript module; may be repeated', addTo)
    .configureOutput({ writeOut: io.out, writeErr: io.error })
    .exitOverride();
  program.hook('preAction', () => {
    const { plugin = [] } = program.opts<{ readonly plugin?: readonly string[] }>();
    // Without plugins nothing has to be waited for: the command starts at once.
    return plugin.length === 0 ? forgetPlugins() : usePlugins(plugin);
  });
  for (const command of [
    inspectCommand,
    lintCommand,
    scanCommand,
    mergeCommand,
    functionsCommand,
    patchedCommand,
    diffCommand,
    matrixCommand,
    explainCommand,
    loadCommand,
    verifyCommand,
    captureCommand,
    symbolsCommand,
    sourceCommand,
    usageCommand,
    clearCommand,
    lifecycleCommand,
    proposalsCommand,
    convertCommand,
    packCommand,
  ]) {
    program.addCommand(command(io, finish).copyInheritedSettings(program));
  }
  program.addCommand(completionCommand(io, finish, program).copyInheritedSettings(program));
  try {
    await program.parseAsync(args, { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!isKelpError(error)) throw error;
    io.error(`kelp: ${describeError(error)}\n`);
    return 2;
  }
}

function addTo(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const manifest: unknown = JSON.parse(text);
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown';
}
