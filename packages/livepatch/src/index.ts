export { livepatchRelocations, type LivepatchRelocations } from './relocation-sections.ts';
