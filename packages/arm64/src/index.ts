export { arm64 } from './architecture.ts';
