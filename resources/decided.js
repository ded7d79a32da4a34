/**
 * CloudFormation looks at every branch of a template, and so does who checks one before it is deployed: `""` for an ARN that
 * nobody has given is an error there, in a branch that is never taken. Conditions of this stack depend on parameters of
 * serverless.yml alone, which are known when it is packaged: what they decide stands in the template as decided.
 * @param template with conditions
 * @returns the same without: resources, branches and properties that are not to be are not in it
 * @throws Error if a condition asks for what only a deployment knows
 */
export function decided({ Conditions = {}, Resources, Outputs = {}, ...rest }) {
  const holds = (name) => isTrue(Conditions[name]);
  const taken = (declarations) =>
    Object.fromEntries(
      Object.entries(declarations)
        .filter(([, { Condition }]) => Condition === undefined || holds(Condition))
        .map(([name, { Condition, ...declaration }]) => [name, withoutChoices(declaration, holds)]),
    );
  return { ...rest, Resources: taken(Resources), Outputs: taken(Outputs) };
}

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-conditions.html */
function isTrue(condition) {
  const [[name, operands] = []] = Object.entries(Object(condition));
  if (name === 'Fn::Not') return !isTrue(operands[0]);
  if (name === 'Fn::Equals' && operands.every((one) => typeof one !== 'object')) return operands[0] === operands[1];
  throw new Error(`The condition ${JSON.stringify(condition)} is not decided by parameters of serverless.yml alone`);
}

function withoutChoices(value, holds) {
  if (Array.isArray(value)) return value.map((one) => withoutChoices(one, holds)).filter((one) => one !== undefined);
  if (typeof value !== 'object' || value === null) return value;
  if (value.Ref === 'AWS::NoValue') return undefined;
  if (value['Fn::If']) {
    const [name, ifSo, ifNot] = value['Fn::If'];
    return withoutChoices(holds(name) ? ifSo : ifNot, holds);
  }
  const fields = Object.entries(value).map(([name, one]) => [name, withoutChoices(one, holds)]);
  return Object.fromEntries(fields.filter(([, one]) => one !== undefined));
}
