/** The rule that a violation of an XML Schema is, in words that hold no value of the document. */
import type { XmlViolation } from './library.ts'

/**
 * What the library writes of a violation, and the rule that it is. Its texts quote values, which could hold
 * such words themselves: what is told of a text stands before the first value, or behind the last.
 */
const RULES: readonly (readonly [wording: RegExp, rule: string])[] = [
  [/^Element '[^']*'(?:, attribute '[^']*')?: \[facet '(\w{1,20})'\]/, 'facet $1'],
  [/^.*is not a valid value of the [a-z ]+ '(?:\{[^'}]*\})?([\w:.-]{1,60})'\.$/s, 'type $1'],
  [/attribute '[^']*' is required/, 'a required attribute is missing'],
  [/attribute '[^']*' is not allowed/, 'an attribute is not allowed'],
  [/Missing child element/, 'an element is missing in it'],
  [/This element is not expected/, 'it is not expected here'],
  [/not a valid value/, 'type'],
  [/[Cc]haracter content/, 'characters are not allowed'],
  [/nill/, 'nil'],
]

/** By the wording of the library, which quotes the document. */
export function ruleOf({ message }: XmlViolation): string {
  for (const [wording, rule] of RULES) {
    const found = wording.exec(message)
    if (found !== null) return rule.replace('$1', found[1] ?? '')
  }
  return 'it does not follow the schema'
}
