export { loongarch64 } from './architecture.ts';
