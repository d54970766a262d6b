/** The part of the program that asks for files and shows the results. */
import { type GivenFile, MAX_EVIDENCE, type Upload } from '../judge-upload.ts'
import { saveBytes, showResult } from './show-result.ts'
import type { FromWorker, ToWorker } from './worker.ts'

const byId = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T

export function runPage(): void {
  const [form, drop, stop] = [byId<HTMLFormElement>('form'), byId('drop'), byId<HTMLButtonElement>('stop')]
  const [progress, result] = [byId('progress'), byId('result')]
  let worker: Worker | undefined

  const end = (text: string): void => {
    progress.textContent = text
    stop.hidden = true
  }

  const check = async (): Promise<void> => {
    const [evidence] = filesOf('evidence')
    worker?.terminate()
    result.hidden = true
    if (evidence === undefined) return end('Choose the evidence first.')
    if (evidence.size > MAX_EVIDENCE)
      return end('More than 1 GiB is too much for a browser: use the command line, concordat verify.')
    progress.textContent = 'Checking\u2026'
    stop.hidden = false
    try {
      const upload = await read(evidence)
      worker = startWorker(upload, evidence.name, end)
    } catch {
      end('A file cannot be read.')
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void check()
  })
  stop.addEventListener('click', () => {
    worker?.terminate()
    end('Stopped. Nothing was judged.')
  })
  byId('evidence').addEventListener('change', () => void check())
  // Without this, a file that is dropped outside the drop area would replace the page.
  for (const name of ['dragover', 'drop']) addEventListener(name, (event) => event.preventDefault())
  drop.addEventListener('dragover', () => drop.classList.add('over'))
  drop.addEventListener('dragleave', () => drop.classList.remove('over'))
  drop.addEventListener('drop', (event) => {
    drop.classList.remove('over')
    const { files } = event.dataTransfer ?? {}
    if (files === undefined || files.length === 0) return
    byId<HTMLInputElement>('evidence').files = files
    void check()
  })
}

function startWorker(upload: Upload, file: string, end: (text: string) => void): Worker {
  const program = new Blob([byId('program').textContent], { type: 'text/javascript' })
  const address = URL.createObjectURL(program)
  const worker = new Worker(address)
  const ask = (message: ToWorker): void => worker.postMessage(message)
  worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => {
    if (data.kind === 'ready') {
      URL.revokeObjectURL(address)
      ask({ kind: 'judge', upload })
    } else if (data.kind === 'judged') {
      end('')
      const save = ({ name }: { name: string }): void => ask({ kind: 'save', name })
      showResult(byId('result'), { file, judgement: data.judgement, save })
    } else if (data.bytes === undefined) end('This part cannot be read.')
    else saveBytes(data.name, data.bytes)
  })
  worker.addEventListener('error', () => {
    worker.terminate()
    end(
      'The evidence could not be judged in this browser. Nothing was proved: use the command line, concordat verify.',
    )
  })
  return worker
}

async function read(evidence: File): Promise<Upload> {
  const [witnesses] = filesOf('witnesses')
  const previous = byId<HTMLInputElement>('previous').value.trim()
  return {
    evidence: await given(evidence),
    configuration: await Promise.all(filesOf('configuration').map(given)),
    witnesses: witnesses && (await given(witnesses)),
    previous: previous === '' ? undefined : previous,
    judgedAt: Date.now(),
  }
}

const filesOf = (id: string): File[] => [...(byId<HTMLInputElement>(id).files ?? [])]

const given = async (file: File): Promise<GivenFile> => ({
  name: file.name,
  bytes: new Uint8Array(await file.arrayBuffer()),
})
