import { readFileSync } from 'node:fs';
import { fileError, KelpError, parseConfiguration, type Configuration } from '@kelp/core';

/**
 * Read the file of `--config`.
 *
 * @throws KelpError `kernel/configuration` if it holds no option, `file/...`.
 */
export function readConfiguration(file: string | undefined): Configuration | undefined {
  if (file === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw fileError(error, file);
  }
  const configuration = parseConfiguration(text);
  if (configuration.size === 0) {
    throw new KelpError('kernel/configuration', 'holds no CONFIG_ line; expected a kernel .config', { file });
  }
  return configuration;
}
