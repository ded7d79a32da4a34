/** Reconcilers have nothing to say of these, since there is nothing that they would do. */
export const NO_ROUTER = 'its routes stand, but no healthy router is in reach';
export const PAUSED = 'waits for a person to resume the stack, which is paused';
export const DEAD_END = 'its routes stand, but lead to an endpoint that carries nothing';
