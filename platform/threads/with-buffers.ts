/**
 * Cloning between threads turns a Buffer into a Uint8Array; this turns it back, at any depth. The value is
 * changed in place, so that an object that is referenced several times stays one object. Anything but plain
 * objects stays unchanged.
 */
export function withBuffers(value: unknown): unknown {
  return visit(value, new Set())
}

function visit(value: unknown, seen: Set<object>): unknown {
  if (value === null || typeof value !== 'object') return value
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (seen.has(value)) return value
  seen.add(value)
  if (Array.isArray(value)) {
    for (const [at, each] of value.entries()) value[at] = visit(each, seen)
  } else if (Object.getPrototypeOf(value) === Object.prototype) {
    const fields = value as Record<string, unknown>
    for (const name of Object.keys(fields)) {
      const field = fields[name]
      if (typeof field === 'object') fields[name] = visit(field, seen)
    }
  }
  return value
}
