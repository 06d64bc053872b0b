import { join } from 'node:path';
import {
  lifecycleJson,
  lifecycleReport,
  parseSteps,
  playLifecycle,
  strategies,
  strategyNamed,
  usualSteps,
  type Scene,
  type Step,
  type StepWatcher,
  type Strategy,
} from '@kelp/livepatch';
import { writeImage } from '@kelp/memory';
import { Command } from 'commander';
import type { Finish, Io } from '../io.ts';
import { createFolder } from '../output-folder.ts';
import { printJson, printReport } from '../print.ts';
import { addSceneOptions, readScene, type SceneFlags } from '../scene-options.ts';

interface LifecycleFlags extends SceneFlags {
  readonly strategy: string;
  readonly steps?: string;
  readonly bytes?: true;
  readonly output?: string;
  readonly json?: true;
}

/** `kelp lifecycle PATCH TARGET...`: status 1 where a step fails or leaves something wrong. */
export function lifecycleCommand(io: Io, finish: Finish): Command {
  const command = new Command('lifecycle')
    .description('play the life of a livepatch whose modules come and go')
    .argument('<patch>', 'a livepatch')
    .argument('[target...]', 'files of modules that it patches; symbols of others are made up');
  return addSceneOptions(command)
    .option('--strategy <name>', `${strategies.map(({ name }) => name).join(', ')}, or all`, 'kernel')
    .option(
      '--steps <list>',
      'such as load-target,load-patch,unload-target; of one of several targets: load-target:NAME',
    )
    .option('--bytes', 'print what each step changes')
    .option('--output <folder>', 'a new folder for the memory of the livepatch after each step')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit status: 0 fine, 1 something goes wrong in the life of the first strategy, 2 a file cannot be read.',
    )
    .action(async (file: string, targets: readonly string[], flags: LifecycleFlags) => {
      const scene = await readScene(file, targets, flags);
      const steps = flags.steps === undefined ? usual() : parseSteps(flags.steps);
      const chosen = flags.strategy === 'all' ? strategies : [strategyNamed(flags.strategy)];
      if (flags.output !== undefined) createFolder(flags.output);
      const lives = chosen.map((strategy) =>
        playLifecycle(scene, strategy, steps, watcher(scene, strategy, flags.output)),
      );
      if (flags.json === true) printJson(lifecycleJson(scene, lives), io);
      else printReport(lifecycleReport(scene, lives, flags.bytes === true), io);
      const faults = Object.values(lives[0]?.faults ?? {});
      finish(faults.every((count) => count === 0) ? 0 : 1);
    });
}

function usual(): readonly Step[] {
  return usualSteps.map((name) => ({ name, target: undefined }));
}

/** Writes the memory after each step: a folder for each strategy, in it one for each step. */
function watcher({ patch }: Scene, { name }: Strategy, output: string | undefined): StepWatcher | undefined {
  if (output === undefined) return undefined;
  let step = 0;
  return (outcome, loaded) => {
    step++;
    for (const [index, module] of loaded.entries()) {
      const part = index === 0 ? '' : `-part-${index}`;
      writeImage(module, join(output, name, `s${step}-${outcome.step.name}${part}`), patch.name);
    }
  };
}
