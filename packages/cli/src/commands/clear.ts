import { clearJson, clearReport, planClear } from '@kelp/livepatch';
import { Command } from 'commander';
import type { Finish, Io } from '../io.ts';
import { printJson, printReport } from '../print.ts';
import { addSceneOptions, readScene, type SceneFlags } from '../scene-options.ts';

interface ClearFlags extends SceneFlags {
  readonly json?: true;
}

/** `kelp clear FILE [TARGET...]`: status 1 where relocations could not be applied, or a field could not be cleared. */
export function clearCommand(io: Io, finish: Finish): Command {
  const command = new Command('clear')
    .description('what must be written to reset a livepatch when a module that it patches goes away')
    .argument('<file>', 'a livepatch')
    .argument('[target...]', 'files of modules that it patches; symbols of others are made up');
  return addSceneOptions(command)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit status: 0 fine, 1 the relocations cannot be applied or cleared, 2 a file cannot be read or loaded.',
    )
    .action(async (file: string, targets: readonly string[], flags: ClearFlags) => {
      const scene = await readScene(file, targets, flags);
      const plans = scene.targets.map((target) => planClear(scene, target));
      if (flags.json === true) printJson(clearJson(scene, plans), io);
      else printReport(clearReport(scene, plans), io);
      const clean = plans.every(
        ({ applied, mismatches }) => applied.status === 'done' && mismatches.length === 0,
      );
      finish(clean ? 0 : 1);
    });
}
