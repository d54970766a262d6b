/**
 * The length of functions, as a measure of what a reader must keep in mind. Lines are counted from the first
 * to the last one.
 */
import { parseAst } from 'vite'
import type { SourceFile } from './source-files.ts'

type SizedFunction = {
  name: string
  lines: number
  /** It returns an object of methods, each of which is read by itself. */
  isFactory: boolean
}

const MOST_LINES = 120
/** For a function that returns an object of methods. */
const MOST_FACTORY_LINES = 200

type Node = { type: string; start: number; end: number; [key: string]: unknown }

/** Functions of these files that are too long, as `file: name`. */
export function tooLong(sources: readonly SourceFile[]): string[] {
  return sources
    .filter(({ lines }) => lines > MOST_LINES)
    .flatMap((source) =>
      functionsOf(source)
        .filter(({ lines, isFactory }) => lines > (isFactory ? MOST_FACTORY_LINES : MOST_LINES))
        .map(({ name, lines }) => `${source.name}: ${name} has ${lines} lines`),
    )
}

/** Every function of a file, including nested ones. */
export function functionsOf({ name, text }: Pick<SourceFile, 'name' | 'text'>): SizedFunction[] {
  const found: SizedFunction[] = []
  const visit = (node: Node, called: string): void => {
    if (isFunction(node) && isNode(node['body'])) {
      const lines = text.slice(node.start, node.end).split('\n').length
      found.push({ name: nameIn(node['id']) ?? called, lines, isFactory: givesMethods(node['body']) })
    }
    const own = nameIn(node.type === 'VariableDeclarator' ? node['id'] : node['key']) ?? called
    for (const child of childrenOf(node)) visit(child, own)
  }
  visit(parseAst(text, { lang: name.endsWith('.tsx') ? 'tsx' : 'ts' }, name) as unknown as Node, '')
  return found
}

function givesMethods(body: Node): boolean {
  const given =
    body.type === 'ObjectExpression' ? [body] : blocksOf(body).flatMap((statement) => returned(statement))
  const local = new Set(blocksOf(body).flatMap(functionNamesIn))
  return given.flatMap(propertiesOf).some(({ value }) => {
    if (!isNode(value)) return false
    return isFunction(value) || (value.type === 'Identifier' && local.has(String(value['name'])))
  })
}

/** The properties of an object, including those of spread object literals. */
function propertiesOf(object: Node): Node[] {
  return (object['properties'] as Node[]).flatMap((one) => {
    const spread = one['argument']
    return isNode(spread) && spread.type === 'ObjectExpression' ? propertiesOf(spread) : [one]
  })
}

/** The statements of a function body, including those of a `try` block at its end. */
function blocksOf({ body }: Node): Node[] {
  if (!Array.isArray(body)) return []
  return (body as Node[]).flatMap((one) =>
    one.type === 'TryStatement' && isNode(one['block']) ? blocksOf(one['block']) : [one],
  )
}

function returned({ type, argument }: Node): Node[] {
  return type === 'ReturnStatement' && isNode(argument) && argument.type === 'ObjectExpression'
    ? [argument]
    : []
}

function functionNamesIn(statement: Node): string[] {
  if (statement.type === 'FunctionDeclaration') return [nameIn(statement['id']) ?? '']
  if (statement.type !== 'VariableDeclaration') return []
  return (statement['declarations'] as Node[]).flatMap(({ id, init }) =>
    isNode(init) && isFunction(init) ? (nameIn(id) ?? []) : [],
  )
}

function isFunction({ type }: Node): boolean {
  return type === 'FunctionDeclaration' || type === 'FunctionExpression' || type === 'ArrowFunctionExpression'
}

function nameIn(value: unknown): string | undefined {
  return isNode(value) && typeof value['name'] === 'string' ? value['name'] : undefined
}

function childrenOf(node: Node): Node[] {
  return Object.values(node).flatMap((value) =>
    Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : [],
  )
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string'
}
