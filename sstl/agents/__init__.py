"""The Faust shell: application, topics, batched exactly-once delivery and one thin module for each agent."""
