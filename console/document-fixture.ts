/**
 * As much of a browser's document as the parts of a page need to be rendered, read and pressed where there is
 * no browser: elements with attributes, texts, events, and heights that a test chooses. What a page looks
 * like is not known here: journeys look at it.
 */
type Heights = { scrollHeight: number; clientHeight: number }

class Leaf {
  parentNode: Element | null = null
  get nextSibling(): Node | null {
    const all = this.parentNode?.childNodes ?? []
    return all[all.indexOf(this as Leaf as Node) + 1] ?? null
  }
  remove(): void {
    const all = this.parentNode?.childNodes
    all?.splice(all.indexOf(this as Leaf as Node), 1)
    this.parentNode = null
  }
}

class Text extends Leaf {
  readonly nodeType = 3
  data: string
  constructor(data: string) {
    super()
    this.data = data
  }
  get textContent(): string {
    return this.data
  }
}

type Pressed = { type: string; currentTarget: Element; preventDefault(): void }
type Listener = (this: Element, event: Pressed) => void

export class Element extends Leaf {
  readonly nodeType = 1
  readonly namespaceURI = 'http://www.w3.org/1999/xhtml'
  readonly childNodes: Node[] = []
  readonly given = new Map<string, string>()
  readonly listeners = new Map<string, Listener>()
  readonly localName: string
  readonly ownerDocument: FakeDocument
  /** Of an input. */
  value = ''
  constructor(localName: string, ownerDocument: FakeDocument) {
    super()
    this.localName = localName
    this.ownerDocument = ownerDocument
  }
  get firstChild(): Node | null {
    return this.childNodes[0] ?? null
  }
  get textContent(): string {
    return this.childNodes.map(({ textContent }) => textContent).join('')
  }
  get scrollHeight(): number {
    return this.ownerDocument.heights.scrollHeight
  }
  get clientHeight(): number {
    return this.ownerDocument.heights.clientHeight
  }
  setAttribute(name: string, value: unknown): void {
    this.given.set(name, String(value))
  }
  removeAttribute(name: string): void {
    this.given.delete(name)
  }
  insertBefore(node: Node, before: Node | null): void {
    if (node.parentNode !== null) node.remove()
    const place = before === null ? this.childNodes.length : this.childNodes.indexOf(before)
    this.childNodes.splice(place, 0, node)
    node.parentNode = this
  }
  addEventListener(name: string, listener: Listener): void {
    this.listeners.set(name, listener)
  }
  removeEventListener(name: string): void {
    this.listeners.delete(name)
  }
  showModal(): void {
    this.setAttribute('open', '')
  }
  focus(): void {
    this.ownerDocument.activeElement = this
  }
  /** All elements inside that fit, in the order of the page. */
  all(fits: (one: Element) => boolean): Element[] {
    return this.childNodes.flatMap((one) =>
      one instanceof Element ? [...(fits(one) ? [one] : []), ...one.all(fits)] : [],
    )
  }
  /** What is there to be seen: nothing of what is hidden, nor what a closed `details` folds. */
  get seen(): string {
    return this.childNodes
      .map((one) => (one instanceof Text ? one.data : one.given.has('hidden') ? '' : one.seen))
      .join('')
  }
  happens(type: string): void {
    this.listeners.get(type)?.call(this, { type, currentTarget: this, preventDefault: () => undefined })
  }
}

type Node = Text | Element

export type FakeDocument = {
  heights: Heights
  activeElement: Element | null
  documentElement: Element
  hidden: boolean
  createElementNS(namespace: string, name: string): Element
  createTextNode(data: string): Text
  getElementById(id: string): Element | undefined
  querySelector(): null
}

export function makeDocument(): FakeDocument {
  const made: FakeDocument = {
    ...{ heights: { scrollHeight: 0, clientHeight: 0 }, activeElement: null, hidden: false },
    createElementNS: (_, name) => new Element(name, made),
    createTextNode: (data) => new Text(data),
    getElementById: (id) => made.documentElement.all(({ given }) => given.get('id') === id)[0],
    querySelector: () => null,
    get documentElement() {
      return root
    },
  }
  const root = new Element('html', made)
  return made
}
