export { s390x } from './architecture.ts';
