export { ppc64le } from './architecture.ts';
