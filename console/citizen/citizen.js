/* What the pages of the portal do besides reading, which works without this: printing, and the end of a session that nobody uses. */
const body = document.body

for (const button of document.querySelectorAll('[data-print]')) {
  button.hidden = false
  button.addEventListener('click', () => print())
}

/* Older browsers print only what is open. */
const opened = []
addEventListener('beforeprint', () => {
  for (const one of document.querySelectorAll('details:not([open])')) opened.push(one)
  for (const one of opened) one.open = true
})
addEventListener('afterprint', () => {
  for (const one of opened.splice(0)) one.open = false
})

/* A page that was left open must not show a person's list to the next one at the same computer, in no window. */
const ENDED = '/ended'
const minutes = Number(body.dataset.idleMinutes ?? 0)
if (minutes > 0) {
  const WARNING_MS = 2 * 60_000
  const windows = new BroadcastChannel('portal')
  const leaving = document.querySelector('form[action="/logout"]')
  let last = Date.now()
  let warning
  const used = () => {
    last = Date.now()
    warning?.remove()
    warning = undefined
  }
  const stay = async () => {
    used()
    windows.postMessage('used')
    const { status } = await fetch('/stay').catch(() => ({ status: 204 }))
    if (status === 401) location.replace(ENDED)
  }
  leaving.addEventListener('submit', () => windows.postMessage('left'))
  windows.addEventListener('message', ({ data }) => (data === 'left' ? location.replace(ENDED) : used()))
  windows.postMessage('used')
  const warn = () => {
    warning = document.createElement('div')
    warning.className = 'idle'
    warning.setAttribute('role', 'alert')
    const text = document.createElement('p')
    text.textContent = body.dataset.idleWarning
    const button = document.createElement('button')
    button.className = 'button small'
    button.textContent = body.dataset.idleStay
    button.addEventListener('click', stay)
    warning.append(text, button)
    body.append(warning)
  }
  const watching = setInterval(() => {
    const left = minutes * 60_000 - (Date.now() - last)
    if (left <= 0) {
      /* The session ends here too: an address alone would be one more use of it. */
      clearInterval(watching)
      leaving.requestSubmit()
    } else if (left <= WARNING_MS && warning === undefined) warn()
  }, 5000)
}
