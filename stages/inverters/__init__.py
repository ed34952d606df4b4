"""The inverters of the papers behind one interface, because they are the comparison."""
