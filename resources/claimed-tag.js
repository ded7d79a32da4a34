/** A tag's key in the name of the parameter that claims it, which may have only some of its characters: others are written by their codes. */
export const claimedTag = (key) =>
  String(key).replace(/[^\w.-]/g, (character) => `_${character.codePointAt(0).toString(16)}`);
