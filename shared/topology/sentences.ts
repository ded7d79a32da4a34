/** Reconcilers have nothing to say of these, since there is nothing that they would do. */
export const NO_ROUTER = 'its routes stand, but no healthy router is in reach';
export const PAUSED = 'waits for a person to resume the stack, which is paused';
export const DEAD_END = 'its routes stand, but lead to an endpoint that carries nothing';
/** So stands an account that may connect endpoints. */
export const NO_ENDPOINT = 'none is connected or asks to be: its spoke makes one for a subnet that is tagged there';
