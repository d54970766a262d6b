/* What the pages of the portal do besides reading, which works without this: printing, passkeys, and the end of a session that nobody uses. */
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

/* The device is asked for a passkey as the form says, and its answer goes with the form. */
const bytesOf = (text) =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (sign) => sign.charCodeAt(0))
const textOf = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
const askDevice = ({ user, allowCredentials, ...options }) => {
  const publicKey = { ...options, challenge: bytesOf(options.challenge) }
  return user === undefined
    ? navigator.credentials.get({
        publicKey: {
          ...publicKey,
          allowCredentials: allowCredentials.map((one) => ({ ...one, id: bytesOf(one.id) })),
        },
      })
    : navigator.credentials.create({ publicKey: { ...publicKey, user: { ...user, id: bytesOf(user.id) } } })
}
if (typeof PublicKeyCredential === 'function')
  for (const form of document.querySelectorAll('form[data-passkey]')) {
    form.hidden = false
    document.querySelector('[data-without-passkey]').hidden = true
    const problem = form.querySelector('[role="alert"]')
    form.addEventListener('submit', async (event) => {
      event.preventDefault()
      problem.hidden = true
      try {
        const { rawId, response } = await askDevice(JSON.parse(form.dataset.passkey))
        for (const field of form.querySelectorAll('input[value=""]'))
          field.value = textOf(field.name === 'id' ? rawId : response[field.name])
        HTMLFormElement.prototype.submit.call(form)
      } catch {
        problem.hidden = false
      }
    })
  }

/* A page that was left open must not show a person's list to the next one at the same computer, in no window. */
const { lang, classList } = document.documentElement
const ENDED = `/ended?${new URLSearchParams([['language', lang], ...[...classList].map((one) => [one, 'yes'])])}`
const windows = new BroadcastChannel('portal')
/* Who signs out while a page still arrives leaves it before this script has begun there, so the page that they come to tells the other windows. It says by its address that it is this one: another may be opened when the next person has signed in. */
if (location.pathname === '/ended' && location.hash === '#left') windows.postMessage('left')
const minutes = Number(body.dataset.idleMinutes ?? 0)
if (minutes > 0) {
  const WARNING_MS = 2 * 60_000
  const leaving = document.querySelector('form[action="/logout"]')
  let last = Date.now()
  let warning
  const used = () => {
    last = Date.now()
    warning?.remove()
    warning = undefined
  }
  const stay = async (before) => {
    const isLeft = warning?.contains(document.activeElement)
    used()
    /* The button is gone: who came to it by keyboard goes on where they were, such as in a text that they write. */
    if (isLeft) (before?.isConnected ? before : document.querySelector('main')).focus({ preventScroll: true })
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
    let before
    button.addEventListener('focus', ({ relatedTarget }) => {
      before = relatedTarget ?? before
    })
    /* Who presses it otherwise stays where they are. */
    button.addEventListener('mousedown', (event) => event.preventDefault())
    button.addEventListener('click', () => stay(before))
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
