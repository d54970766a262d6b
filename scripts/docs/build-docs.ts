/**
 * Makes pages from the Markdown files: links between files become links between pages, each page lists its
 * headings, one index serves the search.
 */
import { globSync } from 'node:fs'
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import MarkdownIt from 'markdown-it'

type Heading = { level: number; text: string; slug: string }
type Section = { id: string; title: string; heading: string; text: string }

const HERE = import.meta.dirname
const GUIDES = 'docs/README.md'
const LEFT_OUT = /(^|\/)(node_modules|\.work|\.sandbox|\.tap|dist)(\/|$)|^test\/vectors\//
const escaped = (text: string): string => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)

/** Writes all pages below `output`, replacing earlier ones; returns how many. */
export async function buildDocs(root: string, output: string): Promise<number> {
  const files = globSync('**/*.md', { cwd: root, exclude: (name) => LEFT_OUT.test(String(name)) })
    .map((file) => file.split(path.sep).join('/'))
    .filter((file) => !LEFT_OUT.test(file))
    .sort()
  const pages = new Set(files)
  const sections: Section[] = []
  const titles = new Map<string, string>()
  const written: { file: string; body: string; headings: Heading[] }[] = []
  for (const file of files) {
    const page = render(await readFile(path.join(root, file), 'utf8'), file, pages)
    titles.set(file, page.headings[0]?.text ?? file)
    sections.push(...page.sections.map((one) => ({ ...one, title: titles.get(file)! })))
    written.push({ file, ...page })
  }
  await rm(output, { recursive: true, force: true })
  for (const { file, body, headings } of written) {
    const at = path.join(output, pageOf(file))
    await mkdir(path.dirname(at), { recursive: true })
    await writeFile(at, frame({ file, body, headings, title: titles.get(file)! }))
  }
  await copyPictures(root, output)
  await writeFile(path.join(output, 'sections.js'), `window.SECTIONS = ${JSON.stringify(sections)}\n`)
  await copyFile(
    path.join(root, 'node_modules/minisearch/dist/umd/index.js'),
    path.join(output, 'minisearch.js'),
  )
  for (const name of ['search.js', 'pages.css'])
    await copyFile(path.join(HERE, name), path.join(output, name))
  return files.length
}

function pageOf(file: string): string {
  return file.replace(/\.md$/, '.html')
}

/**
 * The anchor of a heading, by GitHub's rules, which the documents' links use: the second heading with the
 * same text ends in -1.
 */
function slugOf(text: string, taken: readonly Heading[]): string {
  const slug = text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-')
  const isTaken = (one: string): boolean => taken.some((heading) => heading.slug === one)
  let unique = slug
  for (let number = 1; isTaken(unique); number++) unique = `${slug}-${number}`
  return unique
}

function render(
  markdown: string,
  file: string,
  pages: ReadonlySet<string>,
): { body: string; headings: Heading[]; sections: Omit<Section, 'title'>[] } {
  const reader = new MarkdownIt({ html: true })
  const tokens = reader.parse(markdown, {})
  const headings: Heading[] = []
  const sections: Omit<Section, 'title'>[] = []
  for (const [at, token] of tokens.entries()) {
    if (token.type === 'heading_open') {
      const text = plain(tokens[at + 1]?.content ?? '')
      const heading = { level: Number(token.tag.slice(1)), text, slug: slugOf(text, headings) }
      token.attrSet('id', heading.slug)
      headings.push(heading)
      sections.push({ id: `${pageOf(file)}#${heading.slug}`, heading: text, text: '' })
    } else if (
      (token.type === 'inline' || token.type === 'fence') &&
      tokens[at - 1]?.type !== 'heading_open'
    ) {
      const last = sections.at(-1)
      if (last !== undefined) last.text += ` ${plain(token.content)}`
    }
    for (const child of token.children ?? []) {
      const target = child.type === 'link_open' ? child.attrGet('href') : null
      if (target !== null) child.attrSet('href', leadTo(String(target), file, pages))
    }
  }
  return { body: reader.renderer.render(tokens, reader.options, {}), headings, sections }
}

/**
 * Changes a link to a document into a link to its page. A link to another file of the repository stays as it
 * is, although that file is not among the pages.
 */
function leadTo(target: string, file: string, pages: ReadonlySet<string>): string {
  if (/^[a-z]+:|^#/.test(target)) return target
  const [name = '', anchor] = target.split('#')
  const document = path.posix.join(path.posix.dirname(file), name)
  const inFolder = path.posix.join(document, 'README.md')
  const found = [document, inFolder].find((one) => pages.has(one))
  if (found === undefined) return target
  const relative = path.posix.relative(path.posix.dirname(file), pageOf(found))
  return anchor === undefined ? relative : `${relative}#${anchor}`
}

/** Removes Markdown's signs, which nobody searches for. */
function plain(text: string): string {
  return text.replace(/\]\([^)]*\)/g, ']').replace(/[`*[\]|]/g, '')
}

function frame(q: { file: string; title: string; body: string; headings: Heading[] }): string {
  const up = '../'.repeat(q.file.split('/').length - 1)
  const contents = q.headings
    .filter(({ level }) => level === 2 || level === 3)
    .map(({ level, slug, text }) => `<li class="level-${level}"><a href="#${slug}">${escaped(text)}</a></li>`)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(q.title)} - Concordat</title>
<link rel="stylesheet" href="${up}pages.css">
</head>
<body data-up="${up}">
<a class="skip" href="#content">Skip to the content</a>
<header>
<a class="home" href="${up}${pageOf(GUIDES)}">Concordat</a>
<form role="search" action="${up}${pageOf(GUIDES)}">
<label for="q">Search</label>
<input id="q" name="q" type="search" autocomplete="off" aria-controls="found">
</form>
</header>
<section id="found" aria-live="polite" hidden></section>
<div class="page">
${contents.length === 0 ? '' : `<nav aria-label="On this page"><h2>On this page</h2><ul>${contents.join('')}</ul></nav>`}
<main id="content">
${q.body}
</main>
</div>
<script src="${up}minisearch.js"></script>
<script src="${up}sections.js"></script>
<script src="${up}search.js"></script>
</body>
</html>
`
}

async function copyPictures(root: string, output: string): Promise<void> {
  for (const file of globSync('docs/**/*.svg', { cwd: root })) {
    await mkdir(path.join(output, path.dirname(file)), { recursive: true })
    await copyFile(path.join(root, file), path.join(output, file))
  }
}
