/**
 * Finds the handler of each operation in the sources, and what it returns. Handlers stand in objects whose
 * members are named after operations; the compiler knows what each returns even where the object's own type
 * does not say it.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Node } from 'typescript/unstable/ast'
import {
  isMethodDeclaration,
  isObjectLiteralExpression,
  isPropertyAssignment,
  isShorthandPropertyAssignment,
} from 'typescript/unstable/ast/is'
import { type Checker, type Project, SignatureKind, type Type } from 'typescript/unstable/sync'

const OF_TESTS = /(?:\.test|fixture)\.ts$/
const HANDLER_TYPES = /\b(?:Handlers|OperationHandler)\b/

/**
 * What the handler of each operation returns, without its promise; several where several servers' handlers
 * have one name.
 */
export function findReturned(
  project: Project,
  q: { root: string; rooms: readonly string[]; operations: ReadonlySet<string> },
): Map<string, Type[]> {
  const { program, checker } = project
  const found = new Map<string, Type[]>()
  // To get a file's tree from the compiler takes far longer than to read the file.
  const named = new RegExp(`\\b(?:${[...q.operations].join('|')})\\b\\s*[:(,}]`)
  for (const file of program.getSourceFileNames()) {
    const within = path.relative(q.root, file)
    if (!q.rooms.some((room) => within.startsWith(room + path.sep)) || OF_TESTS.test(file)) continue
    if (!named.test(readFileSync(file, 'utf8'))) continue
    const source = program.getSourceFile(file)
    if (source === undefined) continue
    forEachNode(source, (node) => {
      const id = nameOf(node)
      if (id === undefined || !q.operations.has(id)) return
      const returned = isHandlerOf(q.operations, node, checker) ? returnedBy(node, checker) : undefined
      if (returned !== undefined) found.set(id, [...(found.get(id) ?? []), returned])
    })
  }
  return found
}

function forEachNode(node: Node, look: (node: Node) => void): void {
  look(node)
  node.forEachChild((child) => forEachNode(child, look))
}

function nameOf(node: Node): string | undefined {
  const isMember =
    isPropertyAssignment(node) || isShorthandPropertyAssignment(node) || isMethodDeclaration(node)
  return isMember && 'text' in node.name ? String(node.name.text) : undefined
}

/**
 * Whether the member's object has handlers of this API. A server refuses to start with a handler that its
 * document does not know, so one other name shows another API's object; a store that has a member of this
 * name holds no handlers at all.
 */
function isHandlerOf(operations: ReadonlySet<string>, member: Node, checker: Checker): boolean {
  const object = member.parent
  if (!isObjectLiteralExpression(object)) return false
  const names = object.properties.flatMap((one) => nameOf(one) ?? [])
  if (!names.every((name) => operations.has(name))) return false
  const wanted = checker.getContextualType(object)
  return wanted === undefined || HANDLER_TYPES.test(checker.typeToString(wanted))
}

function returnedBy(member: Node, checker: Checker): Type | undefined {
  const type = checker.getTypeAtLocation((member as Node & { name: Node }).name)
  const [signature] = type === undefined ? [] : checker.getSignaturesOfType(type, SignatureKind.Call)
  return signature === undefined ? undefined : checker.getReturnTypeOfSignature(signature)
}
