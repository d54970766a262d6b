/**
 * The parts of Node that yauzl refers to when it is loaded. It uses events and `inherits`; zip.ts never lets
 * it use streams and files. yauzl calls the classes without `new`, so they are functions here too.
 */
type Listener = (...values: unknown[]) => void
type Emitter = { listeners?: Map<string, Listener[]> }

export function EventEmitter(this: Emitter): void {
  this.listeners = new Map()
}

EventEmitter.prototype.on = function on(this: Emitter, name: string, listener: Listener) {
  this.listeners ??= new Map()
  this.listeners.set(name, [...(this.listeners.get(name) ?? []), listener])
  return this
}
EventEmitter.prototype.once = EventEmitter.prototype.on
EventEmitter.prototype.removeListener = function removeListener(
  this: Emitter,
  name: string,
  listener: Listener,
) {
  this.listeners?.set(
    name,
    (this.listeners.get(name) ?? []).filter((one) => one !== listener),
  )
  return this
}
EventEmitter.prototype.emit = function emit(this: Emitter, name: string, ...values: unknown[]): boolean {
  const listeners = this.listeners?.get(name) ?? []
  for (const listener of listeners) listener(...values)
  return listeners.length > 0
}

type Class = { prototype: object }

export function inherits(child: Class, parent: Class): void {
  Object.setPrototypeOf(child.prototype, parent.prototype)
}

function neverUsed(): never {
  throw new Error('a page that verifies has no files and no streams')
}

export { crc32 } from './zlib.ts'
export {
  neverUsed as close,
  neverUsed as createInflateRaw,
  neverUsed as fstat,
  neverUsed as open,
  neverUsed as PassThrough,
  neverUsed as Readable,
  neverUsed as read,
  neverUsed as Transform,
  neverUsed as Writable,
}

/** Runs the task soon, but never synchronously. */
export function setImmediate(task: () => void): void {
  queueMicrotask(task)
}
