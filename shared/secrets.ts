/** Secrets give access to whoever reads them: signatures of presigned links, AWS keys, tokens, one-time enrolments (JWT), private keys. */
const SECRETS = [
  // AWS General Reference, "Query string auth": a link lives by these alone.
  /(?<=\bX-Amz-(?:Signature|Credential|Security-Token)(?:=|%3D|\\u003d))[^&\s"'\\]+/gi,
  /\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b/g,
  /(?<=\b(?:aws_?)?(?:secret_?access_?key|session_?token|secret)["']?\s*[=:]\s*["']?)[^\s"',}]+/gi,
  /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
];

/** The text with every secret in it struck out. For all that is written where others read: logs, terminals, errors. */
export function withoutSecrets(text: string): string {
  return SECRETS.reduce((clean, secret) => clean.replace(secret, '[secret]'), text);
}
