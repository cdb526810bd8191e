/**
 * The least that a server can do, as a baseline: node:http that answers every POST with the same
 * JSON, and a WebSocket server that sends one text to whoever is connected.
 */
import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'

let answer = '{}'
const http = createServer((request, response) => {
  request.resume()
  request.on('end', () => {
    response.setHeader('content-type', 'application/json')
    response.end(answer)
  })
})
const sockets = new WebSocketServer({ server: http, perMessageDeflate: false })
http.listen(0, '127.0.0.1')

process.on('message', (message) => {
  if (message.answer) answer = message.answer
  for (const socket of message.text ? sockets.clients : []) socket.send(message.text)
  const { port } = http.address()
  process.send({ url: `http://127.0.0.1:${port}`, websocket: `ws://127.0.0.1:${port}` })
})

process.on('disconnect', () => process.exit())
