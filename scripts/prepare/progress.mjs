/** What a person sees of the preparation: a line per step, and a child's words when it fails. */
import { spawn } from 'node:child_process'

const TAIL_LINES = 60
const CHILD_TIMEOUT_MS = 20 * 60_000

/**
 * Runs a step under its title. In a terminal one line counts the seconds; elsewhere a line says
 * that it began and one that it ended.
 * @param {string} title
 * @param {() => Promise<void>} work
 */
export async function showStep(title, work) {
  const began = performance.now()
  const seconds = () => `${((performance.now() - began) / 1000).toFixed(1)} s`
  const live = process.stdout.isTTY
  const draw = () => process.stdout.write(`\r  … ${title} ${seconds()}`)
  if (!live) console.log(`  … ${title}`)
  const ticker = live ? setInterval(draw, 200) : undefined
  /** @param {string} mark */
  const finish = (mark) => {
    clearInterval(ticker)
    console.log(`${live ? '\r' : ''}  ${mark} ${title} ${seconds()}   `)
  }
  try {
    await work()
    finish('✓')
  } catch (error) {
    finish('✗')
    throw error
  }
}

/**
 * Runs a program to its end, quietly; rejects with its last words.
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<void>}
 */
export function runChild(program, args, { cwd, env = process.env }) {
  const stdio = /** @type {const} */ (['ignore', 'pipe', 'pipe'])
  const child = spawn(program, args, { cwd, env, stdio, timeout: CHILD_TIMEOUT_MS })
  /** @type {string[]} */
  let tail = []
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      tail = [...tail, ...text.split('\n').filter((line) => line.trim() !== '')].slice(-TAIL_LINES)
    })
  }
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`${program}: ${error.message}`)))
    child.once('close', (code, signal) => {
      if (code === 0) resolve()
      else reject(new Error(`it ended with ${signal ?? code}:\n${tail.join('\n')}`))
    })
  })
}
