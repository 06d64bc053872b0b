export {
  readLateModulesList,
  type LateModulesList,
  type ListedCode,
  type ListedKind,
} from './late-modules-list.ts';
