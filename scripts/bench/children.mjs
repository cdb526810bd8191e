/** Child processes of the bench: what measures must not share its processor time with the measured. */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ANSWER_TIMEOUT_MS = 60_000

/** @param {URL} file one that ends when it is disconnected from us */
export function startChild(file) {
  const child = fork(fileURLToPath(file))
  const exited = new Promise((resolve) => child.once('exit', resolve))
  /** Resolves to the next message of the child. */
  const next = () =>
    new Promise((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`${file.pathname} is silent`)),
        ANSWER_TIMEOUT_MS,
      )
      const done = (settle) => (value) => {
        clearTimeout(late)
        child.off('message', answered)
        child.off('exit', gone)
        settle(value)
      }
      const answered = done(resolve)
      const gone = done((code) => reject(new Error(`${file.pathname} ended with ${code}`)))
      child.once('message', answered)
      child.once('exit', gone)
    })
  return {
    next,
    ask(message) {
      const answer = next()
      child.send(message)
      return answer
    },
    async stop() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
