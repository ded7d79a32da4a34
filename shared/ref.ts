/** A thing in AWS: how people know it, and the ids it has there. A tag's or a hook's are its owner's, and its key or name. */
export interface Ref {
  label: string;
  ids: readonly string[];
}

/** Identity of a thing, whatever it is called. */
export const idOf = ({ ids }: Ref) => ids.join(' ');

/** A thing that people know by its id alone. */
export const aboutId = (id: string): Ref => ({ label: id, ids: [id] });
