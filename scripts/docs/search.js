/* The search of the documents: runs only in the browser, with an index that is part of the pages. */
const field = document.getElementById('q')
const found = document.getElementById('found')
const up = document.body.dataset.up
const SHOWN = 20
const index = new MiniSearch({
  fields: ['title', 'heading', 'text'],
  storeFields: ['title', 'heading', 'text'],
  searchOptions: { boost: { heading: 4, title: 2 }, prefix: true, fuzzy: 0.15, combineWith: 'AND' },
})
index.addAll(window.SECTIONS)

function element(name, text, more = {}) {
  const made = Object.assign(document.createElement(name), more)
  made.textContent = text
  return made
}

/** The text around the first word that was found. */
function excerpt(text, terms) {
  const at = Math.max(0, text.toLowerCase().indexOf(terms[0] ?? ''))
  const from = Math.max(0, at - 60)
  return `${from > 0 ? '… ' : ''}${text.slice(from, at + 140).trim()} …`
}

function show() {
  const words = field.value.trim()
  found.replaceChildren()
  found.hidden = words === ''
  if (words === '') return
  const all = index.search(words)
  const results = all.slice(0, SHOWN)
  const first = all.length > SHOWN ? `The first ${SHOWN} of ` : ''
  const count = all.length === 0 ? `Nothing was found for "${words}".` : `${first}${all.length} places`
  found.append(element('p', count))
  const list = document.createElement('ol')
  for (const { id, title, heading, text, terms } of results) {
    const item = document.createElement('li')
    item.append(element('a', heading === title ? title : `${title}: ${heading}`, { href: up + id }))
    item.append(element('p', excerpt(text, terms)))
    list.append(item)
  }
  found.append(list)
}

// A reader may have typed before this ran.
field.value ||= new URLSearchParams(location.search).get('q') ?? ''
field.addEventListener('input', show)
// The results are already on this page, so there is nothing to submit.
field.form.addEventListener('submit', (event) => event.preventDefault())
show()
