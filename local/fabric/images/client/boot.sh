#!/bin/bash
# A client: an instance with nothing of ours on it.
