/** What a CBOR value is in JSON (RFC 8949 section 6.1), for comparing it and for handing it on. */
import type { CborNode } from './read-cbor.ts'

/** Bytes become base64url, tags their content, numbers that a double cannot hold their digits. */
export function plainValue(node: CborNode): unknown {
  switch (node.kind) {
    case 'integer':
      return typeof node.value === 'bigint' ? String(node.value) : node.value
    case 'bytes':
      return node.value.toString('base64url')
    case 'text':
      return node.value
    case 'float':
      return Number.isFinite(node.value) ? node.value : null
    case 'simple':
      return node.value ?? null
    case 'array':
      return node.items.map(plainValue)
    case 'tag':
      return plainValue(node.content)
    case 'map':
      return Object.fromEntries([...node.entries].map(([key, value]) => [String(key), plainValue(value)]))
  }
}
