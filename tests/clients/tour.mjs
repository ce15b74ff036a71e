// Lists the tools, makes an image while hearing of its progress, reads it back, and gets a prompt.

import { callTool, connect, say } from './connect.mjs';

const client = await connect();
const { tools } = await client.listTools();
const wish = JSON.parse(process.argv[5]);
const result = await callTool(client, 'generate_image', wish, {
  timeout: 2000,
  resetTimeoutOnProgress: true,
  onprogress: ({ progress }) => say({ progress }),
});
const { contents } = await client.readResource({ uri: result.structuredContent.resource_uri });
const prompt = await client.getPrompt({ name: 'blog-header-prompt', arguments: { topic: 'a tea house' } });
say({
  version: client.getNegotiatedProtocolVersion?.(), // the older package does not say
  tools: tools.map((tool) => tool.name),
  content: result.content.map((part) => part.type),
  image: contents[0].blob,
  mimeType: contents[0].mimeType,
  prompt: prompt.messages[0].content.text,
});
await client.close();
