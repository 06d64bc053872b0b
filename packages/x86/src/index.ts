export { x86 } from './architecture.ts';
