/**
 * What no schema can say about the rules. Guarantees that each text has all languages, that each name that is
 * used exists, that each condition and pattern can be evaluated, and that nothing leaves this machine
 * unencrypted.
 */
import { compileExpression } from '#core/cesql/expression.ts'
import type { Problem } from '#platform/configuration/read-configuration.ts'
import { isSafe } from '#platform/sessions/settings.ts'
import { Fault } from '#schemas/fault.ts'
import { namesIn } from './fill-template.ts'
import type { CallSettings, LifeEventsSettings, RuleSettings } from './settings.ts'

/** What calls may name beside the values of the rule. */
const PERSON = 'person'

/** Throws what `problem` makes. */
export function checkSettings(settings: LifeEventsSettings, problem: Problem): void {
  const { securityServer, person, rules, languages } = settings
  if (!isSafe(securityServer.url))
    throw problem(['securityServer', 'url'], 'must be https, or http to a loopback address')
  if (securityServer.url.startsWith('https:') && securityServer.authorityFile === undefined)
    throw problem(['securityServer', 'authorityFile'], 'is needed for https')
  if (groupsOf(person.pattern) !== 1)
    throw problem(['person', 'pattern'], 'must be a regular expression with one group')
  const names = new Set<string>()
  for (const [at, rule] of rules.entries()) {
    const below: Problem = (keys, what) => problem(['rules', String(at), ...keys], what)
    if (names.has(rule.name)) throw below(['name'], 'is that of another rule')
    names.add(rule.name)
    checkTexts(rule, languages, [], below)
    checkRule(rule, languages, below)
  }
}

function checkRule(rule: RuleSettings, languages: string[], problem: Problem): void {
  for (const key of ['event', 'takenBackBy', 'decidedBy'] as const)
    checkCondition(rule[key]?.condition, (what) => problem([key, 'condition'], what))
  const known = new Set([PERSON, ...Object.keys(rule.values)])
  if (Object.hasOwn(rule.values, PERSON)) throw problem(['values', PERSON], 'is the code of the person')
  const fields = new Map<string, string>()
  for (const [at, { name, pattern }] of rule.fields.entries()) {
    if (fields.has(name)) throw problem(['fields', String(at), 'name'], 'is that of another field')
    fields.set(name, '')
    if (pattern !== undefined && groupsOf(pattern) === undefined)
      throw problem(['fields', String(at), 'pattern'], 'is no regular expression')
  }
  const calls = new Set<string>()
  for (const [at, call] of rule.calls.entries()) {
    const below: Problem = (keys, what) => problem(['calls', String(at), ...keys], what)
    if (calls.has(call.name)) throw below(['name'], 'is that of another call')
    calls.add(call.name)
    checkRequest(call, known, below)
    for (const field of Object.keys(call.fields)) {
      const other = fields.get(field)
      if (other === undefined) throw below(['fields', field], 'is no field of the form')
      if (other !== '') throw below(['fields', field], `is filled by ${other} already`)
      fields.set(field, call.name)
    }
  }
  const { letter } = rule
  if (namesIn(rule.submitTo.path).length > 0)
    throw problem(['submitTo', 'path'], 'names nothing of the person')
  if (letter === undefined) return
  checkRequest(letter.call, known, (keys, what) => problem(['letter', 'call', ...keys], what))
  if (!languages.includes(letter.language)) throw problem(['letter', 'language'], 'is not one of languages')
}

function checkRequest(
  { method, path, query, body }: Pick<CallSettings, 'method' | 'path' | 'query' | 'body'>,
  known: ReadonlySet<string>,
  problem: Problem,
): void {
  if (method === 'GET' && body !== undefined) throw problem(['body'], 'is for POST')
  const named = [path, ...Object.values(query), ...Object.values(body ?? {})].flatMap(namesIn)
  const unknown = named.find((name) => !known.has(name))
  if (unknown !== undefined) throw problem([], `names {${unknown}}, which is not among values`)
}

function checkCondition(condition: string | undefined, problem: (what: string) => Fault): void {
  if (condition === undefined) return
  try {
    const { type, missingFunctions } = compileExpression(condition)
    if (missingFunctions.length > 0)
      throw problem(`calls ${missingFunctions.join(', ')}, which CESQL does not have`)
    if (type !== undefined && type !== 'boolean') throw problem('is never true or false')
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'invalid_filter')
      throw problem(`is no CESQL: ${thrown.message}`)
    throw thrown
  }
}

/** Every object that is a text by language, which the schema knows by its members alone. */
function checkTexts(value: unknown, languages: string[], keys: string[], problem: Problem): void {
  if (typeof value !== 'object' || value === null) return
  const last = keys.at(-1) ?? ''
  if (TEXTS.has(last) || keys.at(-2) === 'outcomes') {
    const missing = languages.find((language) => !Object.hasOwn(value, language))
    if (missing !== undefined) throw problem(keys, `has no text in ${missing}`)
    return
  }
  for (const [name, one] of Object.entries(value)) checkTexts(one, languages, [...keys, name], problem)
}

const TEXTS: ReadonlySet<string> = new Set([
  ...['title', 'text', 'why', 'agency', 'purpose', 'label', 'correctAt', 'counter', 'page'],
])

/** Undefined for what is no regular expression. */
function groupsOf(pattern: string): number | undefined {
  try {
    // With an alternative that is empty it fits the empty text, and says how many groups it has.
    return (new RegExp(`${pattern}|`, 'u').exec('')?.length ?? 1) - 1
  } catch {
    return undefined
  }
}
