/** A CPU profile of V8 as a picture: a box is as wide as the time in it, what it called stands above it. */
import { escapeXml } from '#core/xml/escape.ts'

export type CpuProfile = {
  nodes: {
    id: number
    callFrame: { functionName: string; url: string; lineNumber: number }
    children?: number[]
  }[]
  startTime: number
  endTime: number
  samples: number[]
  timeDeltas: number[]
}

type Box = { name: string; us: number; children: Map<string, Box> }

const WIDTH = 1400
const ROW = 16
const LEAST_WIDTH = 0.5
const LETTER = 6.5
const MOST_NAMED = 25
/** V8's names for time in which no JavaScript runs. */
const NOT_RUNNING = new Set(['(idle)', '(program)', '(root)'])

/** An SVG document. Idle time is left out. */
export function flameGraph(profile: CpuProfile, title: string): string {
  const root = treeOf(profile)
  const rows: string[] = []
  let depth = 0
  const draw = (box: Box, x: number, level: number): void => {
    const width = (box.us / root.us) * WIDTH
    if (width < LEAST_WIDTH) return
    depth = Math.max(depth, level)
    const label = box.name.slice(0, Math.floor(width / LETTER))
    const y = -(level + 1) * ROW
    const share = ((100 * box.us) / root.us).toFixed(1)
    rows.push(
      `<g><title>${escapeXml(box.name)}: ${share} %</title><rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="hsl(${hueOf(box.name)} 70% 75%)"/><text x="${(x + 2).toFixed(1)}" y="${y + 12}">${label.length < 3 ? '' : escapeXml(label)}</text></g>`,
    )
    let at = x
    for (const child of [...box.children.values()].sort((a, b) => b.us - a.us)) {
      draw(child, at, level + 1)
      at += (child.us / root.us) * WIDTH
    }
  }
  draw(root, 0, 0)
  const height = (depth + 3) * ROW
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 ${-height} ${WIDTH} ${height}" font-family="monospace" font-size="11"><text x="4" y="${-height + 14}">${escapeXml(title)}</text>${rows.join('')}</svg>\n`
}

/** The functions in which most time is spent, what they call left out: microseconds for each of `times`. */
export function topOf(profile: CpuProfile, times: number): [name: string, us: number][] {
  const self = new Map<string, number>()
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  for (const [i, sample] of profile.samples.entries()) {
    const name = nameOf(nodes.get(sample)!)
    if (name !== '(idle)') self.set(name, (self.get(name) ?? 0) + profile.timeDeltas[i]!)
  }
  const sorted = [...self].sort(([, a], [, b]) => b - a).slice(0, MOST_NAMED)
  return sorted.map(([name, us]) => [name, us / times])
}

function treeOf({ nodes, samples, timeDeltas }: CpuProfile): Box {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id])))
  const root: Box = { name: 'all', us: 0, children: new Map() }
  for (const [i, sample] of samples.entries()) {
    const us = timeDeltas[i]!
    const names: string[] = []
    for (let id: number | undefined = sample; id !== undefined; id = parents.get(id))
      names.unshift(nameOf(byId.get(id)!))
    if (NOT_RUNNING.has(names.at(-1)!)) continue
    let box = root
    root.us += us
    for (const name of names.slice(1)) {
      const next = box.children.get(name) ?? { name, us: 0, children: new Map() }
      box.children.set(name, next)
      next.us += us
      box = next
    }
  }
  return root
}

function nameOf({ callFrame: { functionName, url, lineNumber } }: CpuProfile['nodes'][number]): string {
  const file = url.split('/').slice(-1)[0]
  return file === ''
    ? functionName
    : `${functionName === '' ? '(anonymous)' : functionName} ${file}:${lineNumber + 1}`
}

function hueOf(name: string): number {
  let sum = 0
  for (const letter of name) sum = (sum * 31 + letter.charCodeAt(0)) % 360
  return 20 + (sum % 60)
}
