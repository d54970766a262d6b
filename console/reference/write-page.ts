/**
 * The page of an API: every operation with who may call it, what it takes and what it answers. Plain HTML
 * without a script: a browser opens what it finds in a folded part.
 */
import {
  type ApiDocument,
  faultExample,
  METHODS,
  type Operation,
  type Response,
  type Schema,
} from './add-answers.ts'
import type { ApiPage } from './pages.ts'

type Call = { method: string; path: string; operation: Operation; own: Operation['parameters'] }

const MAX_DEPTH = 4
const SIGNS = /[&<>"']/g

function safe(text: string): string {
  return text.replace(SIGNS, (sign) => `&#${sign.charCodeAt(0)};`)
}

/** Text of the document, whose one sign of Markdown is the backtick. */
function prose(text: string): string {
  return safe(text).replace(/`([^`]+)`/g, '<code>$1</code>')
}

/**
 * `document` has its examples; `base` is the path below which the console is served; `others` are pages of
 * other APIs there.
 */
export function writePage(
  document: ApiDocument,
  { base, page, others }: { base: string; page: ApiPage; others: { name: string; title: string }[] },
): string {
  const groups = Map.groupBy(callsOf(document), ({ path }) => path.split('/')[1] ?? '')
  const names = [...groups.keys()].sort()
  const statuses = Object.keys(
    document.components.responses['Fault']?.content?.['application/json']?.examples ?? {},
  )
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${safe(document.info.title)}</title>
<meta name="robots" content="noindex">
<link rel="icon" type="image/svg+xml" href="${base}icon.svg">
<link rel="stylesheet" href="${base}api.css">
</head>
<body>
<header class="top"><a href="${base}">Console</a></header>
<main>
<h1>${safe(document.info.title)}</h1>
<p>${prose(document.info.description)}</p>
<p><a href="${base}${page.name}.json" download="openapi.json">The whole description as OpenAPI 3.1</a>, for programs that make clients of it.</p>
${others.map(({ name, title }) => `<p>Beside it: <a href="${base}${name}.html">${safe(title)}</a>.</p>`).join('\n')}
<h2 id="first-call">A first call</h2>
<p>${prose(page.needs)}</p>
<pre tabindex="0"><code>${safe(page.call)}</code></pre>
<p>Most examples are answers of servers in test instances, the others have their form. Lists are cut to two entries, long texts to their beginning (…).</p>
<nav aria-labelledby="groups"><h2 id="groups">${names.length} groups</h2>
<ul>${names.map((name) => `<li><a href="#${safe(name)}">${safe(name)}</a> ${groups.get(name)!.length}</li>`).join('\n')}</ul>
<p><a href="#refusals">Refusals</a></p>
</nav>
${names
  .map(
    (name) =>
      `<section><h2 id="${safe(name)}">${safe(name)}</h2>\n${groups
        .get(name)!
        .map((call) => part(call, document))
        .join('\n')}</section>`,
  )
  .join('\n')}
<section><h2 id="refusals">Refusals</h2>
<p>Every refusal has this form. <code>type</code> is the code, <code>detail</code> an id to look for in the logs. Of each status one example:</p>
${statuses.map((status) => `<h3 id="refusal-${status}">${status}</h3>${example(faultExample(status))}`).join('\n')}
</section>
</main>
</body>
</html>
`
}

function callsOf({ paths }: ApiDocument): Call[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method]
      return operation === undefined ? [] : [{ method, path, operation, own: item.parameters }]
    }),
  )
}

function part({ method, path, operation, own }: Call, document: ApiDocument): string {
  const { operationId: id, summary, requestBody } = operation
  const parameters = [...(own ?? []), ...(operation.parameters ?? [])].map((one) => resolved(document, one))
  const fields = [
    ...parameters.map(({ name, in: where, required, schema = {} }) =>
      row(name, where, required === true, resolved(document, schema)),
    ),
    ...Object.entries(requestBody?.content ?? {}).flatMap(([type, { schema }]) =>
      schema === undefined
        ? [`<tr><td>the body</td><td>${safe(type)}</td><td></td><td></td></tr>`]
        : rowsOf(document, schema, { name: '', needed: true, depth: 0 }),
    ),
  ]
  const titles = ['Name', 'Where', 'Form', 'Meaning'].map((title) => `<th scope="col">${title}</th>`).join('')
  const takes = `<div class="wide" tabindex="0"><table><caption>Takes</caption>
<thead><tr>${titles}</tr></thead><tbody>${fields.join('')}</tbody></table></div>`
  const seconds = operation['x-answer-seconds']
  const where = safe(path).replaceAll('/', '<wbr>/')
  return `<details id="${safe(id)}">
<summary><span class="method">${method.toUpperCase()}</span> <code>${where}</code> <span>${prose(summary)}</span></summary>
<p><code>${safe(id)}</code>. ${prose(whoMay(operation))}${seconds === undefined ? '' : ` It may take ${seconds} s.`}</p>
${fields.length === 0 ? '<p>Takes nothing.</p>' : takes}
${answersOf(operation, document)}
</details>`
}

const PASSKEY: Record<string, string> = {
  true: ' Where the settings say so, a passkey confirms it.',
  'if-any': ' Where the settings say so, a passkey that the person has confirms it.',
  'if-administrator':
    ' Where the settings say so, a passkey confirms it as soon as an administrator has one.',
}

function whoMay({ 'x-passkey': passkey, ...operation }: Operation): string {
  return `${whoMayAct(operation)}${passkey === undefined ? '' : PASSKEY[String(passkey)]}`
}

type Rules = Pick<Operation, 'x-roles' | 'x-four-eyes' | 'x-four-eyes-when'>

function whoMayAct({ 'x-roles': roles, 'x-four-eyes': fourEyes, 'x-four-eyes-when': when }: Rules): string {
  const who = roles.includes('public')
    ? 'Open to everybody.'
    : roles.includes('any')
      ? 'For everybody with a key or a session.'
      : `For ${roles.map((role) => `\`${role}\``).join(', ')}.`
  if (fourEyes === undefined || fourEyes === false) return who
  const policy = fourEyes === true ? '' : ' where the settings say so'
  return `${who} A second person approves it${policy}${when === undefined ? '' : `, when this holds: ${when}`}.`
}

function answersOf({ responses }: Operation, document: ApiDocument): string {
  const refusals = Object.keys(responses).filter((status) => responses[status]?.$ref?.endsWith('/Fault'))
  const others = Object.entries(responses).filter(([status]) => !refusals.includes(status))
  const links = refusals.map((status) => `<a href="#refusal-${status}">${status}</a>`)
  return `${others.map(([status, response]) => answerOf(status, resolved(document, response), document)).join('\n')}
<p>Refused with ${links.join(', ')}.</p>`
}

function answerOf(
  status: string,
  { description = '', content = {} }: Response,
  document: ApiDocument,
): string {
  const [[type, media] = []] = Object.entries(content)
  const head = `<h3>${status}: ${prose(description)}</h3>`
  if (type === undefined) return `${head}<p>Without a body.</p>`
  if (media?.example === undefined) return `${head}<p>The body is <code>${safe(type)}</code>.</p>`
  return head + fieldsOf(media.schema ?? {}, document) + example(media.example)
}

/** The fields of an answer. One that not every answer has says so. */
function fieldsOf(schema: Schema, document: ApiDocument): string {
  const rows = answerRows(document, schema, { name: '', always: true, depth: 0 })
  if (rows.length === 0) return ''
  const titles = ['Field', 'Form', 'Meaning'].map((title) => `<th scope="col">${title}</th>`).join('')
  return `<div class="wide" tabindex="0"><table><caption>Fields</caption>
<thead><tr>${titles}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`
}

type Place = { name: string; always: boolean; depth: number }

function answerRows(document: ApiDocument, schema: Schema, { name, always, depth }: Place): string[] {
  const whole = resolved(document, schema)
  const isRoot = name === ''
  const form = `${answerForm(document, whole)}${always ? '' : ', not always'}`
  const cells = [
    `<code>${safe(name)}</code>`,
    safe(form),
    prose(schema.description ?? whole.description ?? ''),
  ]
  const own = isRoot ? [] : [`<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`]
  if (depth >= MAX_DEPTH) return own
  return [...own, ...innerRows(document, whole, { name, always, depth: depth + 1 })]
}

/** What stands in an object, a list or a record; of several forms the fields of each. */
function innerRows(document: ApiDocument, schema: Schema, place: Place): string[] {
  const { name, depth } = place
  const { items, additionalProperties: rest } = schema
  if (items !== undefined)
    return innerRows(document, resolved(document, items), { ...place, name: `${name}[]` })
  const forms = formsIn(document, schema)
  const fields = new Map<string, { field: Schema; always: boolean }>()
  for (const { properties = {}, required = [] } of forms)
    for (const [key, field] of Object.entries(properties)) {
      const always = required.includes(key) && (fields.get(key)?.always ?? true)
      fields.set(key, { field: fields.get(key)?.field ?? field, always })
    }
  const isEverywhere = (key: string): boolean => forms.every(({ properties = {} }) => key in properties)
  const before = name === '' ? '' : `${name}.`
  return [
    ...[...fields].flatMap(([key, { field, always }]) =>
      answerRows(document, field, { name: before + key, always: always && isEverywhere(key), depth }),
    ),
    ...(typeof rest === 'object'
      ? answerRows(document, rest, { name: `${before}*`, always: true, depth })
      : []),
  ]
}

/** The forms of an object that has several; null is none. */
function formsIn(document: ApiDocument, schema: Schema): Schema[] {
  const whole = resolved(document, schema)
  return (whole.anyOf ?? [whole])
    .flatMap((one) => (one.anyOf === undefined && one.$ref === undefined ? [one] : formsIn(document, one)))
    .filter(({ type }) => type !== 'null')
}

function answerForm(document: ApiDocument, { items, anyOf, ...schema }: Schema): string {
  if (anyOf !== undefined) {
    const forms = anyOf.map((one) => answerForm(document, resolved(document, one)))
    return [...new Set(forms)].join(' or ')
  }
  if (items === undefined) return formOf(schema)
  return `${[schema.type ?? ''].flat().join(' or ')} of ${answerForm(document, resolved(document, items)) || 'anything'}`
}

function example(value: unknown): string {
  return `<pre tabindex="0"><code>${safe(JSON.stringify(value, undefined, 2))}</code></pre>`
}

/** A row for the field, if it has a name, and one for each field in it. */
function rowsOf(
  document: ApiDocument,
  schema: Schema,
  { name, needed, depth }: { name: string; needed: boolean; depth: number },
): string[] {
  const { properties = {}, required = [], items, ...rest } = resolved(document, schema)
  const own = name === '' ? [] : [row(name, 'body', needed, rest)]
  if (depth >= MAX_DEPTH) return own
  const fields = resolved(document, items ?? {}).properties ?? properties
  const wanted = items === undefined ? required : (resolved(document, items).required ?? [])
  const before = `${name}${items === undefined ? '' : '[]'}${name === '' && items === undefined ? '' : '.'}`
  const inner = Object.entries(fields).flatMap(([key, field]) =>
    rowsOf(document, field, { name: before + key, needed: wanted.includes(key), depth: depth + 1 }),
  )
  return [...own, ...inner]
}

function row(name: string, where: string, needed: boolean, schema: Schema): string {
  const place = `${safe(where)}${needed ? ', needed' : ''}`
  const cells = [`<code>${safe(name)}</code>`, place, safe(formOf(schema)), prose(schema.description ?? '')]
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`
}

function formOf({ type, format, enum: values, ...bounds }: Schema): string {
  if (values !== undefined) return values.map(String).join(' | ')
  const { minLength, maxLength, minimum, maximum } = bounds
  const range = (least: number | undefined, most: number | undefined, unit: string): string[] =>
    most === undefined ? [] : [`${least ?? 0} to ${most}${unit}`]
  const words = [[type ?? ''].flat().join(' or '), format ?? '']
  return [...words, ...range(minLength, maxLength, ' characters'), ...range(minimum, maximum, '')]
    .filter((word) => word !== '')
    .join(', ')
}

/** Follows one local $ref; what stands beside it wins. */
function resolved<T extends { $ref?: string }>(document: ApiDocument, thing: T): T {
  if (thing.$ref === undefined) return thing
  const { $ref, ...beside } = thing
  const [, ...keys] = $ref.split('/')
  const found = keys.reduce((from, key) => (from as Record<string, unknown>)[key], document as unknown)
  return { ...(found as T), ...beside }
}
