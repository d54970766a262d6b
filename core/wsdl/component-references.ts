/**
 * Where a WSDL 1.1 document names messages, port types and bindings, which may be those of a document that it
 * imports.
 */
import { attributesOf, splitName } from '#core/xml/tags.ts'
import type { Edit } from './edit-text.ts'
import { SOAP_NAMESPACES, WSDL } from './elements.ts'
import type { PlacedElement } from './read-outline.ts'

const OF_WSDL: Record<string, string> = {
  ...{ input: 'message', output: 'message', fault: 'message', binding: 'type', port: 'binding' },
}
const OF_SOAP: Record<string, string> = { header: 'message', headerfault: 'message' }

/** What names a component of one of the namespaces `moved`, changed to `prefix`. */
export function componentReferences(
  elements: PlacedElement[],
  moved: ReadonlySet<string>,
  prefix: string,
): Edit[] {
  if (moved.size === 0) return []
  const edits: Edit[] = []
  const left = [...elements]
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    const { element, tag, scope, children } = at
    if (element.namespace === WSDL && element.name === 'types') continue
    left.push(...children)
    const kinds = element.namespace === WSDL ? OF_WSDL : SOAP_NAMESPACES.has(element.namespace) ? OF_SOAP : {}
    const name = Object.hasOwn(kinds, element.name) ? kinds[element.name] : undefined
    const found = attributesOf(tag).find((one) => one.name === name)
    if (found === undefined) continue
    const [of, local] = splitName(found.value.trim())
    const namespace = (scope.get(of) ?? '').replaceAll('&amp;', '&')
    if (!moved.has(namespace)) continue
    const from = tag.start + found.at
    edits.push({ from, to: from + found.value.length, text: `${prefix}:${local}` })
  }
  return edits
}
