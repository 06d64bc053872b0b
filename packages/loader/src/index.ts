export { Answers, questionKey, type Asking, type Witness } from './answers.ts';
export { LoadedImage, type ExternalSymbols, type PlacedArea } from './image.ts';
export { layOutModule, type Area, type SectionPlacement } from './layout.ts';
export { loadModule, type LoadedModule, type LoadInput, type LoadRefusal } from './load.ts';
export { placeConsecutively } from './placement.ts';
export { WriteLog, type Write } from './write-log.ts';
