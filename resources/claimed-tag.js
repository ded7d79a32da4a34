/** A parameter that claims a tag has its key in its name, which may have only some of the characters: others are written by their codes. */
export const claimedTag = (key) =>
  String(key).replace(/[^\w.-]/g, (character) => `_${character.codePointAt(0).toString(16)}`);
